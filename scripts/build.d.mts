export function prepareBuild(): Promise<void>;
