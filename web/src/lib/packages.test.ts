import { describe, expect, it } from 'vitest';
import type { Plan } from '@/api/packages';
import { keyIdText, planTitle, ready, settings, signerName } from './packages';

const plan = (more: Partial<Plan>): Plan => ({ action: 'install', name: 'a', from: '', to: '1.0.0', sha256: '', signer_key_id: '', trusted_as: '', manifest: null, steps: [], problems: [], tests: [], conflicts: 0, stored: false, ...more });

describe('packages', () => {
  it('writes a key id so that it can be read out', () => {
    expect(keyIdText('7321cf0f2f412a1f2b434b1dedc950f5')).toBe('7321 cf0f 2f41 2a1f 2b43 4b1d edc9 50f5');
    expect(keyIdText('')).toBe('');
  });
  it('names a signer by its key', () => expect(signerName({ signer_key_id: '7321cf0f2f412a1f2b434b1dedc950f5' })).toBe('key-7321cf0f2f41'));
  it('tells versions', () => {
    expect(planTitle({ from: '', to: '1.0.0' })).toBe('1.0.0');
    expect(planTitle({ from: '1.0.0', to: '1.1.0' })).toBe('1.0.0 → 1.1.0');
    expect(planTitle({ from: '1.1.0', to: '' })).toBe('1.1.0');
  });
  it('leaves defaults to the server', () => expect(settings({ limit: '4.5', name: '', eq: 'a=b' })).toEqual(['limit=4.5', 'eq=a=b']));
  it('is ready without problems and conflicts', () => {
    expect(ready(plan({}))).toBe(true);
    expect(ready(plan({ conflicts: 1 }))).toBe(false);
    expect(ready(plan({ problems: ['x'] }))).toBe(false);
  });
});
