import { bus } from './bus.js';
import { configuration } from './configuration.js';
import { daemon } from './daemon.js';
import { desktops } from './desktops.js';
import type { Check } from './finding.js';
import { logind } from './logind.js';
import { node } from './node.js';
import { nologin } from './nologin.js';
import { otherSessions } from './other-sessions.js';
import { pam } from './pam.js';
import { pictures } from './pictures.js';
import { pipewire } from './pipewire.js';
import { polkit } from './polkit.js';
import { program } from './program.js';
import { state } from './state.js';
import { unit } from './unit.js';
import { userServices } from './user-services.js';

/** What `doctor` looks at, what all the rest depends on first. */
export const CHECKS: readonly Check[] = [
  ...[program, node, bus, unit, daemon, configuration, state],
  ...[pam, nologin, logind, userServices, otherSessions, polkit],
  ...[desktops, pipewire, pictures],
];
