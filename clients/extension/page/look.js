/** Words and looks of a mark. */

const LABELS = {
  fully_ai: 'AI',
  ai_voiceover: 'AI voice',
  ai_visuals: 'AI pictures',
  ai_thumbnails: 'AI thumbnail',
  ai_assisted: 'AI-assisted',
  not_ai: 'Made by people',
};
const CHOICES = {
  fully_ai: 'Made by AI',
  ai_voiceover: 'AI voice-over',
  ai_visuals: 'AI pictures',
  ai_thumbnails: 'AI thumbnail',
  ai_assisted: 'AI helped',
  not_ai: 'Made by people',
};

const SHEET = new CSSStyleSheet();
SHEET.replaceSync(`
  :host { all: initial; position: absolute; z-index: 60; top: 6px; left: 6px; max-width: calc(100% - 12px); font: 500 12px/1.3 system-ui, sans-serif; }
  :host([data-action='hide']) { position: static; display: block; flex: 1 1 100%; max-width: none; }
  .pill { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
  .pill > :not(.menu) { display: inline-flex; align-items: center; border-radius: 6px; padding: 3px 7px; box-sizing: border-box; min-height: 24px; }
  .badge { background: #b3261e; color: #fff; }
  .badge.mild { background: #fff3d6; color: #4a3200; }
  .badge.old { outline: 2px dashed #fff; outline-offset: -3px; }
  button { all: unset; cursor: pointer; background: rgb(15 15 15 / 82%); color: #fff; }
  .pill > button:hover { background: #000; }
  button:focus-visible { outline: 3px solid #4c9bff; outline-offset: 1px; }
  .vote.people { background: #0b6b3a; }
  .vote.refused { text-decoration: line-through; }
  :host([data-action='hide']) .pill { background: #80808022; border-radius: 8px; padding: 8px; min-height: 44px; }
  [hidden] { display: none !important; }
  .menu { position: fixed; inset: auto; margin: 0; padding: 6px; border: 1px solid #8884; border-radius: 10px; min-width: 190px; box-shadow: 0 6px 24px #0006; background: #fff; color: #111; font: 400 14px/1.3 system-ui, sans-serif; }
  .menu button { display: flex; gap: 8px; box-sizing: border-box; width: 100%; padding: 8px 10px; border-radius: 6px; background: none; color: inherit; }
  .menu button::before { content: ''; width: 1em; flex: none; }
  .menu button[aria-checked='true']::before { content: '✓'; }
  .menu button:hover, .menu button:focus-visible { background: #8883; }
  .menu [role=separator] { height: 1px; margin: 4px 0; background: #8885; }
  @media (prefers-color-scheme: dark) { .menu { background: #212121; color: #f1f1f1; } }
  @media (forced-colors: active) { .pill > :not(.menu) { border: 1px solid; } }
`);

/** @param {any} mark @param {number | null} madeAt when old rows were made */
function wordsOfBadge({ categories, channelOnly, score, locked }, madeAt) {
  const names = categories.map((name) => LABELS[name]);
  const more = names.length > 2 ? ` +${names.length - 2}` : '';
  const text = channelOnly ? `Channel: AI? ${score} %` : `${names.slice(0, 2).join(' · ')}${more} ${score} %`;
  const said = [`${score} % likely to be AI-made`];
  if (categories.length) said.push(names.join(', '));
  if (channelOnly) said.push('because of its channel alone, nobody has flagged it');
  if (locked) said.push('fixed by a moderator');
  if (madeAt !== null) said.push(`as of ${new Date(madeAt).toLocaleDateString()}: nothing newer is there`);
  return { text, title: said.join('; ') };
}

/** @param {any} own */
function wordsOfVote(own) {
  if (!own) return { text: 'AI?', title: 'Is this video AI-made? Vote' };
  const names = own.categories.map((name) => LABELS[name] ?? '').join(' · ');
  const later = { waiting: ', not sent yet', refused: ', not accepted', sent: '' }[own.state];
  return { text: `You: ${names}${own.state === 'waiting' ? ' …' : ''}`, title: `Your vote: ${names}${later}. Change it` };
}
