/** The same type. Editors show its fields, and not how they were put together: intersections, `NoInfer` and the like. */
export type Flat<T> = { [K in keyof T]: T[K] } & {}
