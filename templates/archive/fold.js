// What counts as the same text when mail is searched: letters without case and accents, in their
// compatible form (Unicode NFKC). src/mail/words does the same in the program, and the examples in
// tests/data/fold.json hold both to it.
const ACCENTS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]/gu;
const INVISIBLE = /[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]/gu;
const SAME = new Map(Object.entries({ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ł: 'l', ı: 'i', ς: 'σ'}));

function fold(text) {
  const bare = text.replace(INVISIBLE, '').normalize('NFKD');
  const plain = bare.replace(ACCENTS, '').replace(INVISIBLE, '').normalize('NFC');
  let folded = '';
  for (const upper of plain) {
    for (const letter of upper.toLowerCase()) folded += SAME.get(letter) ?? letter;
  }
  return folded.replace(ACCENTS, '');
}

// Scripts without blanks between words: Thai, Lao, Burmese, Khmer; kana, Han.
const ALONE = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u;
const INNER = /[\p{Alphabetic}\p{N}\p{M}]/u;
const BETWEEN = /[\p{White_Space}\p{Cc}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2000-\u206f\u3000-\u303f\ufffd]/u;

// Whether a character is in a word, a word of its own, or between words.
function kind(letter) {
  if (letter < '\u0080') return /[a-z0-9]/iu.test(letter) ? 'inner' : 'between';
  if (ALONE.test(letter)) return 'alone';
  if (INNER.test(letter)) return 'inner';
  return BETWEEN.test(letter) ? 'between' : 'alone';
}

const bytes = text => new TextEncoder().encode(text).length;
// Longer words are several that follow each other.
const LONGEST = 64;

// The words of a text, folded.
function words(text) {
  const found = [];
  for (const part of text.split(/[\t\n\f\r ]+/u)) {
    let word = '';
    const end = () => {
      if (word) found.push(word);
      word = '';
    };
    for (const letter of fold(part)) {
      const is = kind(letter);
      if (is !== 'inner' || bytes(word) >= LONGEST) end();
      if (is !== 'between') word += letter;
      if (is === 'alone') end();
    }
    end();
  }
  return found;
}

// True if the last word of a text may go on: the text ends within it, and it is not very short.
function isOpen(text, last) {
  const end = [...fold(text)].pop();
  return bytes(last) > 2 && end !== undefined && kind(end) !== 'between';
}
