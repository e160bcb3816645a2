import { expect, test } from 'vitest';
import type { CaseField } from '@/api/cases';
import { changedFields, fromForm, toForm } from './cases';
import { citationsOf, fitted, isPicture, jpegName } from './photo';

test('a photo is made to fit and keeps its shape', () => {
  expect(fitted(4000, 3000)).toEqual({ width: 2048, height: 1536 });
  expect(fitted(3000, 4000)).toEqual({ width: 1536, height: 2048 });
  expect(fitted(640, 480)).toEqual({ width: 640, height: 480 });
  expect(fitted(9000, 1)).toEqual({ width: 2048, height: 1 });
});
test('what is drawn anew is a JPEG by its name, too', () => {
  expect(jpegName('IMG_1.HEIC')).toBe('IMG_1.jpg');
  expect(jpegName('a.b.png')).toBe('a.b.jpg');
  expect(jpegName('.png')).toBe('photo.jpg');
  expect(isPicture('image/svg+xml')).toBe(false);
});
test('a field of files holds what is cited and sends ids', () => {
  const field = { name: 'photos', title_zh: '', title_en: '', type: 'files', choices: [], min: null, max: 6 } as CaseField;
  const known = [{ id: 'A', sha256: 'x', type: 'image/jpeg', name: 'a.jpg', bytes: 9 }];
  const text = toForm(field, known);
  expect(citationsOf(JSON.parse(text))).toEqual([{ id: 'A', name: 'a.jpg', type: 'image/jpeg', bytes: 9 }]);
  expect(fromForm(field, text)).toEqual({ ok: true, value: ['A'] });
  expect(fromForm(field, '[]')).toEqual({ ok: true, value: null });
  expect(fromForm(field, 'sending')).toEqual({ ok: false, why: 'sending' });
  expect(changedFields({ photos: ['A'] }, { photos: known })).toEqual({});
  expect(changedFields({ photos: ['A', 'B'] }, { photos: known })).toEqual({ photos: ['A', 'B'] });
  expect(changedFields({ photos: null }, { photos: known })).toEqual({ photos: null });
});
