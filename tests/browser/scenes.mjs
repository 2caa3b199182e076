// Scenes for pictures.
import { until } from './stage.mjs';

export const BUSY = ['--admin', '127.0.0.1:0', '--rate', '0', '--rate-bytes', '0']; // options of the server

// The status page after five lively minutes, which its clock is made to take for a few seconds.
export async function busyStatus(stage, settings) {
  const context = await stage.context({ reducedMotion: 'reduce', ...settings });
  await context.clock.install();
  const page = await stage.openStatus({ context });
  const rooms = ['lobby', 'garden', 'tea', 'release-2.0', 'music'];
  const people = [];
  for (let step = 0; step < 160; step++) {
    if (step % 8 === 0 && step < 130) people.push(await stage.peer({ name: `P${step}`, room: rooms[people.length % rooms.length] }));
    const isBusy = step > 60 && step < 80 ? 5 : 1;
    for (const peer of people) peer.say(...Array.from({ length: Math.round(isBusy * (2 + 2 * Math.sin(step / 9) + Math.random())) }, () => 'x'.repeat(80)));
    if (step === 100) people.pop().socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const asked = page.waitForResponse(/metrics/);
    await context.clock.runFor(2000);
    await asked;
  }
  return { page, context, people };
}

// A few people who plan a garden. Returns them, by their names.
export async function garden(stage) {
  const people = {};
  const said = [];
  const speak = async (name, text) => {
    people[name] ??= await stage.peer({ name, room: 'garden', id: Date.now() });
    people[name].say(text);
    said.push(text);
    await until('said', () => people[name].said.includes(text));
  };
  await speak('Tom', 'I measured again: the south bed is **4.20 m**.');
  await speak('Ada', 'Lovely. The plan for the new beds is here: https://garden.example/plan');
  await speak('Rosa', 'Beans along the fence, then? They did well there last year.');
  await speak('Tom', 'Beans it is. I have seeds left over, enough for two rows.');
  await speak('Tom', 'And string!');
  await speak('Chen Li', 'I can water on weekdays 🌱');
  return people;
}
