import { bashCompletion } from './bash.js';
import { fishCompletion } from './fish.js';
import { manPage } from './man-page.js';
import { zshCompletion } from './zsh.js';

/** What is made from the command table besides the program, by its path in dist/. */
export function commandLineFiles(): [path: string, text: string][] {
  return [
    ['man/remoteaccessctl.1', manPage()],
    ['completions/bash/remoteaccessctl', bashCompletion()],
    ['completions/zsh/_remoteaccessctl', zshCompletion()],
    ['completions/fish/remoteaccessctl.fish', fishCompletion()],
  ];
}
