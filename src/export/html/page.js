"use strict";
// Plays a run out of what the page holds. Everything that is text reaches the page as text.
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const [TEXT, INK, CONFIDENCE, ENTROPY, MARGIN, USE, AGE, WRITTEN, LOOKS] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const INKS = ["text", "draft", "mask", "sign"];
  const layers = run.layers.length;
  const last = run.steps.length - 1;
  // Numbers of steps; the canvas of masks has no row on the map.
  const named = (index) => run.from + index;
  const base = run.from === 0 ? 1 : 0;
  const rows = Math.max(1, last + 1 - base);
  const answer = run.length - run.first;

  // The canvas after each step: a step names what it changed.
  const states = [];
  for (const step of run.steps) {
    const before = states.at(-1);
    states.push(step.changed.map((pairs, channel) => {
      const values = before ? before[channel].slice() : new Uint32Array(run.length);
      for (let at = 0; at < pairs.length; at += 2) values[pairs[at]] = pairs[at + 1];
      return values;
    }));
  }

  // `seen` is the farthest step that was shown: nothing behind it is on the map.
  const shown = { step: 0, seen: 0, layer: run.layer, position: null, pinned: false, speed: 1, timer: null };

  function make(tag, parent, properties = {}, text = null) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in node) node[name] = value; else node.setAttribute(name, value);
    }
    if (text !== null) node.textContent = text;
    parent.append(node);
    return node;
  }

  const body = document.body;
  const head = make("div", body, { className: "head" });
  make("h1", head, {}, run.title);
  const facts = make("span", head, { className: "facts" });
  for (const [name, value] of run.made) {
    facts.append(`${name} `);
    make("b", facts, {}, value);
    facts.append("  ");
  }
  const verdict = make("span", head, { className: "verdict", role: "status" });
  if (run.caption) make("p", body, { className: "caption" }, run.caption);
  const prompt = make("div", body, { className: "prompt" });
  make("b", prompt, {}, "❯ ");
  prompt.append(run.prompt);

  const choices = make("div", body, { className: "row", role: "radiogroup", "aria-label": "layer" });
  make("span", choices, { className: "name" }, "layer");
  const buttons = run.layers.map((name, number) => {
    const button = make("button", choices, { type: "button", role: "radio", id: `layer-${name}` }, `${number + 1} ${name}`);
    button.addEventListener("click", () => { shown.layer = number; draw(); });
    return button;
  });

  const absence = make("p", body, { className: "absence", id: "absence", role: "status" });
  const stage = make("div", body, { className: "stage" });
  const canvas = make("div", stage, { className: "canvas", id: "canvas" });
  const side = make("div", stage, { className: "side", id: "inspector", "aria-live": "polite" });
  const map = make("canvas", body, { className: "map", id: "map", role: "img" });
  map.setAttribute("aria-label", "map of every step, downwards, and every position of the answer");

  const controls = make("div", body, { className: "row" });
  const play = make("button", controls, { type: "button", id: "play" });
  const back = make("button", controls, { type: "button", id: "back", title: "one step back" }, "◂");
  const forth = make("button", controls, { type: "button", id: "forth", title: "one step on" }, "▸");
  const bar = make("input", controls, { type: "range", min: 0, max: last, value: 0, id: "bar" });
  bar.setAttribute("aria-label", "step");
  const count = make("span", controls, { className: "count", id: "count" });
  const speed = make("select", controls, { id: "speed" });
  speed.setAttribute("aria-label", "speed");
  for (const [value, name] of [[0.25, "¼×"], [0.5, "½×"], [1, "1×"], [2, "2×"], [4, "4×"], [0, "real time"]]) {
    make("option", speed, { value, selected: value === 1 }, name);
  }
  const done = make("div", body, { className: "row dim", id: "done" });
  const keys = make("div", body, { className: "keys" });
  const help = [["space", "plays"], ["← →", "step"], ["home end", "first, last"], [`1–${layers}`, "layer"],
    ["click", "holds a token"], ["esc", "lets go"]];
  for (const [key, does] of help) {
    make("kbd", keys, {}, key);
    keys.append(` ${does}   `);
  }

  // Tokens of the answer; the prompt stands above.
  const blanks = [];
  const tokens = Array.from({ length: answer }, (_, at) => {
    // The blank before a word is no part of how the word looks.
    const blank = document.createTextNode("");
    canvas.append(blank);
    blanks.push(blank);
    const token = make("span", canvas, { className: "token" });
    const position = run.first + at;
    token.addEventListener("pointerenter", () => { if (!shown.pinned) point(position); });
    token.addEventListener("click", () => hold(position));
    return token;
  });

  function point(position) {
    if (shown.position !== null) tokens[shown.position - run.first].classList.remove("on");
    shown.position = position;
    if (position !== null) tokens[position - run.first].classList.add("on");
    inspect();
    drawMap();
  }

  function hold(position) {
    shown.pinned = !(shown.pinned && shown.position === position);
    point(position);
  }

  function drawTokens() {
    const state = states[shown.step];
    tokens.forEach((token, at) => {
      const position = run.first + at;
      const ink = INKS[state[INK][position]];
      const open = ink === "draft" || ink === "mask";
      token.className = `token k${state[LOOKS + shown.layer][position]}${open ? " open" : ""}${position === shown.position ? " on" : ""}`;
      const text = run.texts[state[TEXT][position]];
      const word = open ? text : text.trimStart() || text;
      blanks[at].data = text.slice(0, text.length - word.length);
      if (token.textContent !== word) token.textContent = word;
    });
  }

  function drawMap() {
    const scale = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.floor(map.clientWidth * scale));
    const row = Math.max(1, Math.min(6, Math.floor(300 * scale / rows)));
    if (map.width !== width || map.height !== row * rows) {
      map.width = width;
      map.height = row * rows;
    }
    const paint = map.getContext("2d");
    const x = (position) => Math.round((position - run.first) * width / answer);
    paint.clearRect(0, 0, width, map.height);
    for (let step = base; step <= shown.seen; step++) {
      const dots = states[step][LOOKS + layers + shown.layer];
      paint.globalAlpha = step > shown.step ? 0.45 : 1;
      for (let position = run.first; position < run.length; position++) {
        paint.fillStyle = run.colours[dots[position]];
        paint.fillRect(x(position), (step - base) * row, x(position + 1) - x(position), row);
      }
    }
    paint.globalAlpha = 0.55;
    paint.fillStyle = accent;
    if (shown.step >= base) paint.fillRect(0, (shown.step - base) * row, width, row);
    if (shown.position !== null) {
      paint.fillRect(x(shown.position), 0, x(shown.position + 1) - x(shown.position), map.height);
    }
    paint.globalAlpha = 1;
  }
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent");

  const share = (number, digits = 3) => number === 0 ? null : ((number - 1) / 1000).toFixed(digits);

  function inspect() {
    side.replaceChildren();
    const position = shown.position;
    if (position === null) {
      make("h2", side, {}, named(shown.step) === 0 ? "before the first step" : `step ${named(shown.step)}`);
      make("p", side, { className: "dim" }, "Point at a token, or at the map.");
      return;
    }
    const state = states[shown.step];
    const step = run.steps[shown.step];
    const value = (channel) => state[channel][position];
    make("h2", side, {}, `position ${position} · step ${named(shown.step)}`);
    const list = make("dl", side);
    const fact = (name, text) => {
      if (text === null) return;
      make("dt", list, {}, name);
      make("dd", list, {}, text);
    };
    fact("shows", `${JSON.stringify(run.texts[value(TEXT)])}, ${INKS[value(INK)]}`);
    const written = value(WRITTEN);
    if (written > 0) {
      const why = run.steps[written - run.from]?.why.find(([at]) => at === position);
      fact("written", `at step ${written}${why ? `, ${why[1]}` : ""}`);
    }
    fact("confidence", share(value(CONFIDENCE)));
    fact("entropy", value(ENTROPY) === 0 ? null : `${share(value(ENTROPY), 2)} nats`);
    fact("margin", share(value(MARGIN)));
    if (value(USE) > 0) fact("K/V row", `${run.uses[value(USE) - 1]}${value(AGE) > 0 ? `, ${value(AGE)} steps old` : ""}`);
    const candidates = step.candidates.find(([at]) => at === position);
    if (candidates) {
      for (let at = 1; at < candidates.length; at += 2) {
        fact(at === 1 ? "candidates" : "", `${(candidates[at + 1] / 10000).toFixed(3)}  ${JSON.stringify(run.texts[candidates[at]])}`);
      }
    }
  }

  function draw() {
    const step = run.steps[shown.step];
    shown.seen = Math.max(shown.seen, shown.step);
    const absent = (layer) => run.absences[step.absent[layer] - 1] ?? "";
    buttons.forEach((button, number) => {
      button.setAttribute("aria-checked", number === shown.layer);
      button.title = absent(number);
      button.classList.toggle("absent", button.title !== "");
    });
    absence.textContent = absent(shown.layer);
    drawTokens();
    drawMap();
    inspect();
    bar.value = shown.step;
    count.textContent = `${named(shown.step)} / ${named(last)}`;
    play.textContent = shown.timer === null ? "▶ play" : "❚❚ pause";
    play.setAttribute("aria-pressed", shown.timer !== null);
    done.textContent = named(shown.step) === 0 ? "nothing is written yet" :
      `${step.passes} passes · ${step.at.toFixed(2)} s · wrote ${step.wrote} · computed ${step.computed}, reused ${step.reused} · block ${step.block[0]}–${step.block[1] - 1}`;
    // Nothing is said before it happens.
    const over = shown.step === last && run.end !== null;
    const correct = over ? run.end.correct : null;
    verdict.className = `verdict${correct === true ? " good" : correct === false ? " bad" : ""}`;
    verdict.textContent = !over ? "running" : correct === true ? "✓ correct" : correct === false ? `✗ ${run.end.verdict ?? "wrong"}` : "done";
  }

  function go(step) {
    shown.step = Math.max(0, Math.min(last, step));
    draw();
  }

  function wait() {
    if (shown.speed > 0) return 125 / shown.speed;
    const next = run.steps[shown.step + 1];
    return next ? (next.at - run.steps[shown.step].at) * 1000 : 0;
  }

  function tick() {
    if (shown.step >= last) return stop();
    shown.step += 1;
    shown.timer = shown.step < last ? setTimeout(tick, wait()) : null;
    draw();
  }

  function stop() {
    clearTimeout(shown.timer);
    shown.timer = null;
    draw();
  }

  function toggle() {
    if (shown.timer !== null) return stop();
    if (shown.step >= last) shown.step = 0;
    shown.timer = setTimeout(tick, wait());
    draw();
  }

  play.addEventListener("click", toggle);
  back.addEventListener("click", () => { stop(); go(shown.step - 1); });
  forth.addEventListener("click", () => { stop(); go(shown.step + 1); });
  bar.addEventListener("input", () => { const step = Number(bar.value); stop(); go(step); });
  speed.addEventListener("change", () => { shown.speed = Number(speed.value); });
  const place = (event) => {
    const area = map.getBoundingClientRect();
    const part = (value, size, all) => Math.max(0, Math.min(all - 1, Math.floor(value / size * all)));
    stop();
    shown.step = Math.min(shown.seen, base + part(event.clientY - area.top, area.height, rows));
    shown.pinned = true;
    point(run.first + part(event.clientX - area.left, area.width, answer));
    draw();
  };
  map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); place(event); });
  map.addEventListener("pointermove", (event) => { if (event.buttons & 1) place(event); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === speed) return;
    const held = event.target instanceof HTMLButtonElement && event.key === " ";
    const keys = {
      " ": toggle,
      ArrowLeft: () => { stop(); go(shown.step - 1); },
      ArrowRight: () => { stop(); go(shown.step + 1); },
      Home: () => { stop(); go(0); },
      End: () => { stop(); go(last); },
      Escape: () => { shown.pinned = false; point(null); },
    };
    const digit = Number(event.key);
    if (digit >= 1 && digit <= layers) {
      shown.layer = digit - 1;
      draw();
    } else if (keys[event.key] && !held) {
      keys[event.key]();
    } else {
      return;
    }
    event.preventDefault();
  });
  window.addEventListener("resize", drawMap);
  draw();
})();
