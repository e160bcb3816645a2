import { tags } from '@/api/data';

const freshMs = 60_000;
const tagsMax = 5000;
let asked = 0;
let answer: Promise<string[]> | null = null;

/** The paths of the tags there are, for fields that offer them: all fields of a form ask once. */
export function knownTags(): Promise<string[]> {
  if (!answer || Date.now() - asked > freshMs) {
    asked = Date.now();
    answer = tags('**', tagsMax).then((all) => all.tags.map((tag) => tag.path));
    answer.catch(() => (answer = null));
  }
  return answer;
}
