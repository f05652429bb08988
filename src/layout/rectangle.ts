/** An area of the logical plane; right and bottom are just outside it. */
export type Rectangle = {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
};

export function overlaps(a: Rectangle, b: Rectangle): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Whether they have a part of an edge in common, and not only a corner. */
export function isAdjacent(a: Rectangle, b: Rectangle): boolean {
  const beside = a.right === b.left || b.right === a.left;
  const stacked = a.bottom === b.top || b.bottom === a.top;
  return (beside && a.top < b.bottom && b.top < a.bottom) || (stacked && a.left < b.right && b.left < a.right);
}
