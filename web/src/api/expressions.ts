import { get } from './http';

export interface ExprFunction {
  name: string;
  /** One or several ways to call it, with " | " between them. */
  signature: string;
  group: 'choose' | 'math' | 'least_most' | 'text' | 'bits' | 'window' | 'time' | 'date' | 'money';
  help: { zh: string; en: string };
  example: string;
  given: string;
  result: string;
}
export interface Vocabulary {
  functions: ExprFunction[];
  words: string[];
  units: string[];
}

let known: Promise<Vocabulary> | null = null;
/** What a condition may be made of; asked once, again only if it could not be read. */
export function vocabulary(): Promise<Vocabulary> {
  known ??= get<Vocabulary>('/expressions/functions').catch((error: unknown) => {
    known = null;
    throw error;
  });
  return known;
}
