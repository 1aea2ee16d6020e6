// The search of the archive, without a server: pieces of the index are scripts that hand one text
// over. src/export/html/search writes them and says what is in them. Text of mail enters the page
// as textContent only; addresses of scripts and links are made of numbers and of hexadecimal ids.
{
const form = document.getElementById('search');
const field = document.getElementById('query');
const status = document.getElementById('status');
const results = document.getElementById('results');
const body = results.tBodies[0];
const more = document.getElementById('more');
const doubt = document.getElementById('doubt');
const model = document.getElementById('row').content.firstElementChild;

// So many rows are shown at first, and again each time that more are asked for.
const SHOWN = 50;
// Messages of a piece of rows.
const ROWS = 250;
// What a posting says of the field that has the word.
const FIELDS = {from: 1, to: 2, subject: 4, file: 8};
const ANY = 15;

// Pieces on their way, by name, and those that came.
const awaited = new Map();
const pieces = new Map();

window.mv = (name, text) => {
  awaited.get(name)?.(text);
  awaited.delete(name);
};

// Loads a piece; `file` is one of ours, made of fixed words and numbers.
function load(name, file) {
  if (!pieces.has(name)) {
    const piece = new Promise((resolve, reject) => {
      awaited.set(name, resolve);
      const script = document.createElement('script');
      script.src = `search/${file}.js`;
      script.onload = () => {
        script.remove();
        if (awaited.delete(name)) reject(new Error(`search/${file}.js is damaged.`));
      };
      script.onerror = () => reject(new Error(`search/${file}.js is missing.`));
      document.head.append(script);
    });
    const unpacked = piece.then(unpack);
    unpacked.catch(() => pieces.delete(name));
    pieces.set(name, unpacked);
  }
  return pieces.get(name);
}

async function unpack(text) {
  const packed = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const json = piece => JSON.parse(new TextDecoder().decode(piece));
// Texts are compared by their UTF-8 bytes: a text with a character for each byte.
const inBytes = text => latin(new TextEncoder().encode(text));
const latin = piece => Array.from(piece, b => String.fromCharCode(b)).join('');

// Reads a number of seven bits a byte, the lowest first, and gives it with the place after it.
function number(piece, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = piece[at++];
    value += (byte & 127) * 2 ** shift;
    if (!(byte & 128)) return [value, at];
  }
}

// A query, as terms that must all be true.
function parse(text) {
  const terms = [];
  for (const [whole, minus, key, quoted, bare] of text.matchAll(/(-?)(?:([a-z]+):(?=\S))?(?:"([^"]*)"?|(\S+))/giu)) {
    const value = quoted ?? bare;
    const not = minus === '-';
    let term = termOf(key?.toLowerCase(), value, quoted !== undefined);
    // What looks like a key and is none, as in http://example.org.
    if (term === undefined) term = wordsOf(whole.replace(/^-/u, ''), ANY);
    if (term) terms.push({...term, not});
  }
  return terms;
}

// The term of a key that is known. A folder may be begun; one in quotes is whole.
function termOf(key, value, quoted) {
  if (key === undefined) return wordsOf(value, ANY);
  if (Object.hasOwn(FIELDS, key)) return wordsOf(value, FIELDS[key]);
  const filter = {is: 'is', has: 'has', in: 'in', folder: 'in', account: 'account', year: 'date', month: 'date', date: 'date', weekday: 'weekday', hour: 'hour', size: 'size'};
  if (!Object.hasOwn(filter, key)) return undefined;
  let folded = fold(value).trim();
  if (key === 'has' && folded === 'attachments') folded = 'attachment';
  if (key === 'is' && folded === 'flagged') folded = 'starred';
  if (key === 'weekday') folded = folded.slice(0, 3);
  if (key === 'hour') folded = folded.replace(/^0(?=\d)/u, '');
  const open = filter[key] === 'in' && !quoted;
  return {mask: 0, wanted: [{word: inBytes(`${filter[key]}:${cut(folded)}`), open}]};
}

// The beginning of a name: no more of it is in the index.
function cut(text) {
  let short = '';
  for (const letter of text) {
    if (bytes(short + letter) > 60) break;
    short += letter;
  }
  return short;
}

// The term of a text: all of its words, and if there are several, the phrase that they are; null
// if it has none.
function wordsOf(text, mask) {
  const found = words(text);
  if (!found.length) return null;
  const last = found.length - 1;
  const open = isOpen(text, found[last]);
  const wanted = found.map((word, n) => ({word: inBytes(word), open: open && n === last}));
  const phrase = last ? {text: fold(text), words: ` ${found.join(' ')}${open ? '' : ' '}`} : null;
  return {mask, wanted, phrase};
}

// The messages of a segment that have a word, as a list of marks, one for each message.
async function marksOf(segment, {word, open}, mask) {
  const marks = new Uint8Array(segment.count);
  const starts = segment.starts ??= json(await load(`t${segment.number}`, `tables/${segment.number}`)).map(inBytes);
  const end = open ? `${word}\u00ff` : word;
  let shard = starts.findLastIndex(start => start <= word);
  for (shard = Math.max(shard, 0); shard < starts.length && starts[shard] <= end; shard++) {
    const piece = await load(`w${segment.number}-${shard}`, `words/${segment.number}/${shard}`);
    mark(piece, {word, open}, mask, marks);
  }
  return marks;
}

// A shard is a row of terms, each with its length before it, and then the length of its list and
// the list. That goes from the newest message to the oldest: how much older than the one before,
// times 16, plus the fields.
function mark(piece, {word, open}, mask, marks) {
  for (let at = 0; at < piece.length;) {
    let size;
    [size, at] = number(piece, at);
    const term = latin(piece.subarray(at, at + size));
    [size, at] = number(piece, at + size);
    const end = at + size;
    if (term === word || (open && term.startsWith(word))) {
      for (let message = marks.length; at < end;) {
        let step;
        [step, at] = number(piece, at);
        message -= Math.floor(step / 16);
        if (mask === 0 || step % 16 & mask) marks[message] = 1;
      }
    }
    at = end;
  }
}

// The messages of a segment that have the words of a term, wherever in its fields, as marks.
async function havingWords(segment, {wanted, mask}) {
  const all = new Uint8Array(segment.count).fill(1);
  for (const one of wanted) {
    const marks = await marksOf(segment, one, mask);
    for (let n = 0; n < all.length; n++) all[n] &= marks[n];
  }
  return all;
}

// The messages of a segment that fit, the newest first. Whether words follow each other is not in
// the index: of what has all of them the texts are read.
async function fitting(segment, search) {
  const fits = new Uint8Array(segment.count).fill(1);
  const phrases = [];
  for (const term of search.terms) {
    const marks = await havingWords(segment, term);
    if (term.phrase) phrases.push({term, marks});
    if (!term.not) for (let n = 0; n < fits.length; n++) fits[n] &= marks[n];
    else if (!term.phrase) for (let n = 0; n < fits.length; n++) fits[n] &= marks[n] ^ 1;
  }
  const found = [];
  for (let n = fits.length - 1; n >= 0; n--) if (fits[n]) found.push(n);
  if (!phrases.length) return found.map(n => segment.first + n);
  const fit = [];
  for (let at = 0; at < found.length && search === current; at += ROWS) {
    const some = found.slice(at, at + ROWS);
    const said = await Promise.all(some.map(n => {
      const asked = phrases.filter(({marks}) => marks[n]).map(({term}) => term);
      return asked.length ? saysIt(segment.first + n, asked) : 'yes';
    }));
    some.forEach((n, at) => {
      if (said[at] === 'unknown') search.unknown++;
      if (said[at] !== 'no') fit.push(segment.first + n);
    });
  }
  return fit;
}

// Pieces of texts that are kept; a search of common words reads many.
const KEPT = 100;

// The texts of a message: of the sender, the recipients, the subject and the attachments, and of
// which of these fields something is missing.
async function textsOf(message) {
  const name = `x${Math.floor(message / ROWS)}`;
  const texts = await piecesOf(name, `texts/${name.slice(1)}`);
  for (const old of lists.keys()) {
    if (lists.size <= KEPT) break;
    if (old[0] === 'x' && old !== name) lists.delete(old);
  }
  return texts[message % ROWS];
}

// Whether a message that has the words of these terms has them as phrases, and none that it must
// not have: 'yes', 'no', or 'unknown' if its texts are not all here.
async function saysIt(message, terms) {
  const texts = await textsOf(message);
  let said = 'yes';
  for (const {phrase, mask, not} of terms) {
    if (texts && hasPhrase(texts, phrase, mask)) {
      if (not) return 'no';
    } else if (!texts || texts[4] & mask) {
      said = 'unknown';
    } else if (!not) {
      return 'no';
    }
  }
  return said;
}

// As mailvault search has it: a field has the text of a phrase, or any text has its words.
function hasPhrase([from, to, subject, files], phrase, mask) {
  const field = {[FIELDS.from]: from, [FIELDS.to]: to, [FIELDS.subject]: subject}[mask];
  if (field !== undefined) return fold(field).includes(phrase.text);
  const texts = mask === FIELDS.file ? files : [from, to, subject, ...files];
  return texts.some(text => ` ${words(text).join(' ')} `.includes(phrase.words));
}

// The search at hand. An older one ends when it sees that it is none any more.
let current = null;

async function root() {
  let first = 0;
  return json(await load('root', 'root')).segments.map((count, number) => {
    const segment = {number, count, first};
    first += count;
    return segment;
  });
}

// Looks on, segment by segment, until there are enough messages to show.
async function goOn(search) {
  search.wanted += SHOWN;
  search.segments ??= (await root()).reverse();
  while (search.found.length < search.wanted && search.next < search.segments.length) {
    search.found.push(...await fitting(search.segments[search.next], search));
    if (search !== current) return;
    search.next++;
  }
  const from = search.shown;
  const shown = search.found.slice(from, search.wanted);
  const rows = await Promise.all(shown.map(rowOf));
  if (search !== current) return;
  search.shown += shown.length;
  if (from === 0) body.replaceChildren();
  body.append(...rows);
  const done = search.next === search.segments.length;
  results.hidden = !search.found.length;
  more.hidden = done && search.shown === search.found.length;
  const count = search.found.length;
  if (!done) say(`At least ${count} messages`);
  else if (count) say(count === 1 ? '1 message' : `${count} messages`);
  else say('No message has all of this.');
  doubt.hidden = !search.unknown;
  doubt.textContent = search.unknown === 1
    ? 'One of them may not have the words next to each other: it has more recipients or longer texts than the search keeps.'
    : `${search.unknown} of them may not have the words next to each other: they have more recipients or longer texts than the search keeps.`;
}

const two = n => String(n).padStart(2, '0');
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

// What a piece lists of its messages, read once.
const lists = new Map();

function piecesOf(name, file) {
  if (!lists.has(name)) {
    const list = load(name, file).then(json);
    list.catch(() => {}).then(() => pieces.delete(name));
    list.catch(() => lists.delete(name));
    lists.set(name, list);
  }
  return lists.get(name);
}

// The row of a message, as the lists have it.
async function rowOf(message) {
  const piece = Math.floor(message / ROWS);
  const rows = await piecesOf(`r${piece}`, `rows/${piece}`);
  const [date, marks, thread, page, id, who, subject, size] = rows[message % ROWS];
  const row = model.cloneNode(true);
  const part = name => row.querySelector(name);
  part('.who bdi').textContent = who;
  const link = part('.what a');
  link.textContent = subject;
  link.removeAttribute('href');
  if (/^[0-9a-f]{32}$/u.test(thread) && /^[0-9a-f]{16}$/u.test(id) && Number.isSafeInteger(page)) {
    link.href = `messages/${thread.slice(0, 2)}/${thread}${page > 1 ? `-${page}` : ''}.html#m${id}`;
  }
  row.classList.toggle('unread', marks.includes('u'));
  for (const [mark, name] of [['u', '.what > span'], ['s', '.star'], ['a', '.answered'], ['c', '.clip']]) {
    if (!marks.includes(mark)) part(name)?.remove();
  }
  const time = new Date(date * 1000);
  const when = part('time');
  if (date > 0 && !isNaN(time)) {
    when.dateTime = time.toISOString();
    when.textContent = `${time.getDate()} ${MONTHS[time.getMonth()]} ${time.getFullYear()}, ${two(time.getHours())}:${two(time.getMinutes())}`;
  } else {
    when.replaceWith('undated');
  }
  part('.size').textContent = size;
  return row;
}

function say(text) {
  status.textContent = text;
}

function fail(search, error) {
  if (search === current) say(`The search failed: ${error.message}`);
}

// Begins a search for what the field says.
function seek() {
  const text = field.value.trim();
  const terms = parse(text);
  const search = {terms, found: [], next: 0, shown: 0, wanted: 0, unknown: 0};
  current = search;
  doubt.hidden = true;
  history.replaceState(null, '', text ? `#q=${encodeURIComponent(text)}` : '#');
  more.hidden = true;
  if (!terms.length) {
    results.hidden = true;
    body.replaceChildren();
    say(text ? 'Type a letter or a digit.' : '');
    return;
  }
  goOn(search).catch(error => fail(search, error));
}

// Takes the query from the address.
function follow() {
  const asked = /^#q=(.*)$/su.exec(location.hash);
  if (!asked) return;
  let text = asked[1];
  try {
    text = decodeURIComponent(text);
  } catch {
    // A stray percent sign stands for itself.
  }
  if (text !== field.value) field.value = text;
  seek();
}

let pause = 0;
field.addEventListener('input', () => {
  clearTimeout(pause);
  pause = setTimeout(seek, 120);
});
form.addEventListener('submit', event => {
  event.preventDefault();
  body.querySelector('.what a[href]')?.click();
});
more.addEventListener('click', () => {
  const search = current;
  more.hidden = true;
  goOn(search).catch(error => fail(search, error));
});
document.addEventListener('keydown', event => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  // Esc closes a panel that is open, and nothing else.
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) {
    field.value = '';
    field.focus();
    seek();
  }
});
addEventListener('hashchange', follow);

if (typeof DecompressionStream === 'function') {
  form.hidden = false;
  field.focus();
  follow();
} else {
  say('This browser is too old for the search. The lists work without it.');
}
}
