# shellcheck shell=bash
# pin CORE COMMAND...: becomes the command, on that core where there are several.
pin() {
    local core=$1
    shift
    if command -v taskset >/dev/null && [ "$(nproc)" -gt 1 ]; then
        exec taskset -c "$core" "$@"
    fi
    exec "$@"
}
