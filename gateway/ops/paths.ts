// Where the operations page and its data are, on the admin listener.

export const opsPaths = ['/', '/ops'] as const;
export const opsDataPath = '/ops.json';
