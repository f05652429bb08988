// Methods of Node's Buffer that its types leave out. toString() and write() come down to them, at twice the cost for
// strings as short as a header's.

declare global {
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    latin1Write(text: string, at: number): number;
    utf8Write(text: string, at: number): number;
  }
}

export {};
