export function testsWithoutDatabase(): string[];
