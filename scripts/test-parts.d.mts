export const OWN_PARTS: readonly string[];
export const NOT_ON_SQLITE: readonly string[];
export const NOT_ON_MYSQL: readonly string[];
