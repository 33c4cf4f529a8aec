import { expect, it } from 'vitest';

it('holds before', () => expect(1).toBe(1));
it('is at work as its process dies', () => void process.kill(process.pid, 'SIGKILL'));
it('never begins', () => expect(1).toBe(1));
