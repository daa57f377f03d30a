// "How do I call this": lines that work as they stand, with the text and the model that are on the page.

import { byId } from "./elements.js";

const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const pythonQuoted = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");

export function showCalls(text, model, needsToken) {
  const origin = location.origin;
  const body = { texts: [text.toWellFormed() || "I love this"], model };
  const header = needsToken ? ' \\\n  -H "Authorization: Bearer $SENTIMENT_TOKEN"' : "";
  byId("curl").textContent = `curl ${origin}/predict${header} \\\n  -d ${shellQuoted(JSON.stringify(body))}`;
  byId("curl-file").textContent =
    `curl "${origin}/predict?column=text&model=${encodeURIComponent(model)}"${header} \\\n` +
    `  -H "Content-Type: text/csv" --data-binary @tweets.csv -o scored.csv`;
  const extra = needsToken ? `request.add_header("Authorization", "Bearer " + os.environ["SENTIMENT_TOKEN"])\n` : "";
  byId("python").textContent =
    `import json${needsToken ? ", os" : ""}, urllib.request\n\n` +
    `body = json.dumps({"texts": [${pythonQuoted(body.texts[0])}], "model": ${pythonQuoted(model)}})\n` +
    `request = urllib.request.Request("${origin}/predict", body.encode())\n${extra}` +
    `print(json.load(urllib.request.urlopen(request))["answers"])`;
}
