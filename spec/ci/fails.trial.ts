import { expect, it } from 'vitest';

it('does not hold', () => expect(1).toBe(2));
