#!/bin/sh
# Prints the path of the Chromium that the tests drive: the one that draws no window of its own where it is installed, for
# it takes less than half the processor time; fails where there is none.
for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    command -v "$name" && exit
done
exit 1
