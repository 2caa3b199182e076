// Chooses light or dark before the first paint, so that nobody is flashed. A classic script in the head, not a module,
// because modules run too late for that. The settings change the choice through `wschatTheme`.
(() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let choice = 'auto';
  try {
    choice = localStorage.getItem('wschat.theme') || 'auto';
  } catch {
    // Storage is blocked: follow the system.
  }

  function apply() {
    const theme = choice === 'auto' ? (system.matches ? 'dark' : 'light') : choice;
    document.documentElement.dataset.theme = theme;
    document.querySelector('meta[name=theme-color]').content = theme === 'dark' ? '#14161b' : '#ffffff';
  }

  window.wschatTheme = {
    get: () => choice,
    set(next) {
      choice = next;
      try {
        localStorage.setItem('wschat.theme', next);
      } catch {
        // It holds for this visit only.
      }
      apply();
    },
  };
  system.addEventListener('change', apply);
  apply();
})();
