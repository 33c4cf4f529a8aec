import type { Reporter } from 'vitest/node';

export default class ClaimsReporter implements Reporter {}
