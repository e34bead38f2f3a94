/** Seconds by which two clocks may differ, both sides included: 60 s off is accepted, 61 s refused. */
export const CLOCK_SKEW = 60
