export const dictionaries = {};
