// The page: what is typed, pasted or dropped is answered as it comes.

import { answerCard } from "./answer.js";
import { showCalls } from "./calls.js";
import { byId, make, percent, save } from "./elements.js";
import { showFile } from "./file.js";
import { describe, predict, report, useToken } from "./service.js";
import { showTable } from "./table.js";

const EXAMPLES = [
  "I love my new phone!!",
  "stuck in traffic again :(",
  "I don't like it",
  "it was ok I guess",
  "zwqx blorp",
];
const WAIT = 90; // milliseconds after the last key
const AT_ONCE = 500;
const REPORTS = { "report.html": "report", "README.md": "model card" };

const page = { models: [], limits: {}, needsToken: false, timer: 0, running: null, file: null, waiting: false };

const chosen = () => {
  const names = [byId("model").value, byId("second").value].filter(Boolean);
  return [...new Set(names)].map((name) => page.models.find((model) => model.name === name));
};
const threshold = () => Number(byId("threshold").value);

async function start() {
  wire();
  await load();
}

async function load() {
  try {
    const { models, limits } = await describe();
    page.models = models;
    page.limits = limits;
    byId("token-form").hidden = true;
    say("");
    fillModels();
    await update();
    if (page.waiting) take(page.file);
  } catch (error) {
    failed(error);
  }
}

function fillModels() {
  const options = () => page.models.map((model) => make("option", model.name));
  byId("model").replaceChildren(...options());
  const none = make("option", "none");
  none.value = "";
  byId("second").replaceChildren(none, ...options());
  byId("second-label").hidden = page.models.length < 2;
}

function wire() {
  byId("examples").append(...EXAMPLES.map((text) => {
    const button = make("button", text);
    button.type = "button";
    button.addEventListener("click", () => {
      byId("text").value = text;
      update();
    });
    return button;
  }));
  byId("text").addEventListener("input", () => {
    clearTimeout(page.timer);
    page.timer = setTimeout(update, WAIT);
  });
  for (const id of ["model", "second"]) byId(id).addEventListener("change", update);
  byId("threshold").addEventListener("input", () => {
    byId("threshold-value").textContent = percent(threshold());
    clearTimeout(page.timer);
    page.timer = setTimeout(update, WAIT);
  });
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useToken(byId("token").value);
    page.needsToken = true;
    load();
  });
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length) take(event.target.files[0]);
    event.target.value = "";
  });
  wireDrop();
}

function wireDrop() {
  const brings = (event) => [...event.dataTransfer.types].includes("Files");
  addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    byId("drop").hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) byId("drop").hidden = true;
  });
  addEventListener("drop", (event) => {
    byId("drop").hidden = true;
    if (!brings(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}

async function take(file) {
  page.file = file;
  page.waiting = !page.models.length;
  if (page.waiting) {
    await load(); // which takes it then
    return;
  }
  const settings = () => {
    const [{ name, classes }] = chosen();
    return { model: name, classes, threshold: threshold(), limits: page.limits };
  };
  say(staleness(chosen()));
  try {
    await showFile(byId("scoring"), file, settings);
  } catch (error) {
    if (page.file === file) say(`${file.name}: ${error.message}`);
  }
}

async function update() {
  if (!page.models.length) {
    await load();
    return;
  }
  page.running?.abort();
  const { signal } = (page.running = new AbortController());
  const models = chosen();
  showLinks(models);
  const lines = byId("text").value.toWellFormed().split("\n").map((line) => line.trim()).filter(Boolean);
  const texts = lines.map((line) => line.slice(0, page.limits.characters));
  showCalls(texts[0] ?? "", models[0].name, page.needsToken);
  try {
    if (texts.length > 1) await answerMany(texts, models, signal);
    else await answerOne(texts, models, signal);
    say(staleness(models));
  } catch (error) {
    if (!signal.aborted) failed(error);
  }
}

async function answerOne(texts, models, signal) {
  const cards = texts.length
    ? await Promise.all(models.map(async ({ name, classes }) => {
      const [answer] = await predict(texts, { model: name, threshold: threshold(), explain: true, signal });
      return answerCard(answer, classes, models.length > 1 ? name : "");
    }))
    : [];
  byId("table").hidden = true;
  byId("answers").replaceChildren(...cards);
}

async function answerMany(texts, models, signal) {
  const columns = await Promise.all(models.map(async ({ name, classes }) => {
    const answers = [];
    for (let i = 0; i < texts.length; i += AT_ONCE) {
      answers.push(...(await predict(texts.slice(i, i + AT_ONCE), { model: name, threshold: threshold(), signal })));
    }
    return { name, classes, answers };
  }));
  byId("answers").replaceChildren();
  showTable(byId("table"), texts, columns);
}

function showLinks(models) {
  const links = models.flatMap((model) => model.reports.map((file) => {
    const link = make("a", models.length > 1 ? `${REPORTS[file]} of ${model.name}` : REPORTS[file]);
    link.href = `/models/${encodeURIComponent(model.name)}/${file}`;
    if (page.needsToken) saveInstead(link, `${model.name}-${file}`);
    return link;
  }));
  const docs = make("a", "interface");
  docs.href = "/docs";
  byId("links").replaceChildren(...links, docs);
}

/** A link cannot bring the token; and shown as a blob, a report would fall under this page's policy: no script. */
function saveInstead(link, name) {
  link.title = "It is saved as a file.";
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const content = await report(link.href);
      save(name, [content], content.type);
    } catch (error) {
      failed(error);
    }
  });
}

const staleness = (models) =>
  models.filter((model) => model.problem).map((model) => `${model.name}: ${model.problem}`).join(" ");

function failed(error) {
  if (error.status === 401) {
    byId("token-form").hidden = false;
    byId("token").focus();
    if (page.needsToken) say("That token is not the one.");
    else if (page.waiting) say(`${page.file.name} is scored as soon as there is a token.`);
    return;
  }
  say(error.message);
}

function say(message) {
  byId("alert").textContent = message;
  byId("alert").hidden = !message;
}

start();
