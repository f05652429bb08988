import type { Command } from '../command.js';

export const machineCommands: readonly Command[] = [];
