// The page's own script: pictures that are dropped, pasted or chosen, the answer as it comes, and citations that light up.
// What comes from an index or a generator is put in as text, or as HTML that the server escaped.
"use strict";

(() => {
  const form = document.getElementById("ask");
  if (!form) return;
  const [words, files, chosen, wrong, status, result] = ["words", "pictures", "chosen", "wrong", "status", "result"].map(
    (id) => document.getElementById(id));
  const mostPictures = Number(form.dataset.mostPictures), mostBytes = Number(form.dataset.mostBytes);
  let pictures = [], like = null, under_way = null;

  // Pictures of the question.

  function take(more) {
    const good = [...more].filter((file) => file.type.startsWith("image/"));
    wrong.textContent = "";
    if (good.length < more.length) wrong.textContent = "Only pictures can be asked with.";
    const room = mostPictures - pictures.length - (like ? 1 : 0);
    if (good.length > room) wrong.textContent = `At most ${mostPictures} pictures can be asked with.`;
    pictures.push(...good.slice(0, Math.max(room, 0)));
    if (pictures.reduce((size, file) => size + file.size, 0) > 0.98 * mostBytes) {
      pictures.pop();
      wrong.textContent = `All pictures together may have ${Math.floor(mostBytes / 1e6)} MB, and with this one they have more.`;
    }
    show();
  }

  function show() {
    const kept = new DataTransfer();
    pictures.forEach((file) => kept.items.add(file));
    files.files = kept.files;
    chosen.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
    chosen.replaceChildren();
    if (like) {
      const entry = preview(like.source, `The picture to look like: ${like.title}`, () => { like = null; show(); });
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "like", value: like.token });
      entry.append(field);
    }
    pictures.forEach((file, place) => preview(URL.createObjectURL(file), file.name, () => {
      pictures.splice(place, 1);
      show();
    }));
  }

  function preview(source, name, remove) {
    const entry = document.createElement("li"), image = document.createElement("img"), button = document.createElement("button");
    Object.assign(image, { src: source, alt: name });
    Object.assign(button, { type: "button", textContent: "×", className: "remove" });
    button.setAttribute("aria-label", `Remove ${name}`);
    button.addEventListener("click", () => {
      remove();
      status.textContent = `${name} is removed`;
      words.focus();
    });
    entry.append(image, button);
    chosen.append(entry);
    return entry;
  }

  files.addEventListener("change", () => take([...files.files]));
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take(event.clipboardData.files);
  });
  for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    form.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) form.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    form.classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });

  // Asking.

  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(document.getElementById("go"));
  });

  document.addEventListener("submit", (event) => {
    if (event.target === form) {
      event.preventDefault();
      ask(event.submitter ? event.submitter.value : "ask");
    } else if (event.target.classList.contains("like")) {
      event.preventDefault();
      const card = event.target.closest(".card"), image = card.querySelector("img");
      like = { token: event.target.elements.like.value, source: image.src, title: image.alt };
      pictures = [];
      words.value = "";
      show();
      form.scrollIntoView();
      ask("search");
    }
  });

  async function ask(what) {
    wrong.textContent = "";
    if (!words.value.trim() && !pictures.length && !like) {
      wrong.textContent = "Type some words, or choose a picture.";
      words.focus();
      return;
    }
    if (under_way) under_way.abort();
    const mine = under_way = new AbortController();
    const body = new FormData(form);
    body.set("do", what);
    result.replaceChildren(document.getElementById("waiting").content.cloneNode(true));
    result.setAttribute("aria-busy", "true");
    result.querySelector("h2").textContent = what === "search" ? "Search" : "Answer";
    result.querySelector(".stop").addEventListener("click", () => mine.abort());
    status.textContent = "Looking";
    result.scrollIntoView({ block: "nearest" });
    try {
      const headers = { "HX-Request": "true", Accept: what === "search" ? "text/html" : "text/event-stream" };
      const answer = await fetch(form.action, { method: "POST", body, headers, signal: mine.signal });
      if ((answer.headers.get("content-type") || "").startsWith("text/event-stream")) await listen(answer);
      else finish(await answer.text(), answer.ok);
    } catch (error) {
      if (under_way !== mine) return; // another question took its place
      stopped(mine.signal.aborted ? "Stopped." : "The gateway cannot be reached. Look whether it runs, and ask again.");
    }
    if (under_way === mine) {
      under_way = null;
      result.removeAttribute("aria-busy");
    }
  }

  async function listen(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", ended = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) ended = hear(JSON.parse(event.slice("data: ".length))) || ended;
    }
    if (!ended) stopped("The answer broke off. Ask again.");
  }

  function hear(event) {
    const streamed = document.getElementById("streamed");
    if (event.word !== undefined) {
      streamed.append(event.word); // a text node, whatever it says
    } else if (event.passages !== undefined) {
      put("passages", event.passages);
      say("Writing");
    } else if (event.failed !== undefined) {
      stopped("");
      document.getElementById("answer").insertAdjacentHTML("beforeend", event.failed);
      return true;
    } else if (event.done !== undefined) {
      for (const name of ["answer", "passages", "record"]) put(name, event.done[name]);
      status.textContent = `Answer: ${event.text}`; // once and whole, so that nobody hears it in pieces
      return true;
    }
    return false;
  }

  function put(name, html) {
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    const fresh = parsed.content.firstElementChild, old = document.getElementById(name);
    if (old.querySelector("form, ol, p") && old.innerHTML === fresh.innerHTML) return;
    old.replaceWith(fresh);
    htmx.process(fresh);
  }

  function finish(html, good) {
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    result.replaceChildren(parsed.content);
    htmx.process(result);
    const heading = result.querySelector("#passages h2, .note");
    if (good && heading) status.textContent = heading.textContent;
  }

  function say(what) {
    const place = result.querySelector(".what");
    if (place) place.textContent = what;
    status.textContent = what;
  }

  function stopped(why) {
    const doing = result.querySelector(".doing");
    if (!doing) return;
    doing.replaceChildren(why);
    status.textContent = why;
  }

  // Citations light up what they stand for.

  let stays = 0, from = null; // what stays lit, and the citation that was followed to it

  function light(number) {
    document.querySelectorAll(".lit").forEach((one) => one.classList.remove("lit"));
    document.getElementById(`passage-${number}`)?.classList.add("lit");
    document.querySelectorAll(`.marker[href="#passage-${number}"]`).forEach((one) => one.classList.add("lit"));
  }

  const numberOf = (marker) => marker.getAttribute("href").slice("#passage-".length);

  document.addEventListener("click", (event) => {
    const marker = event.target.closest(".marker");
    if (!marker) return;
    event.preventDefault();
    [stays, from] = [numberOf(marker), marker];
    const card = document.getElementById(`passage-${stays}`);
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
    light(stays);
  });
  document.addEventListener("mouseover", (event) => {
    const marker = event.target.closest(".marker");
    if (marker) light(numberOf(marker));
  });
  document.addEventListener("mouseout", (event) => {
    if (event.target.closest(".marker")) light(stays);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !from) return;
    light(stays = 0);
    from.focus(); // back to where the citation stands
    from = null;
  });

  // A recipe was chosen: the link to its page goes along.
  document.addEventListener("change", (event) => {
    const about = document.getElementById("about");
    if (event.target.name === "recipe" && about) {
      about.href = about.href.replace(/[^/]*$/, encodeURIComponent(event.target.value));
    }
  });

  // What a page came with that was made without scripts.
  const given = chosen.querySelector("input[name=like]");
  if (given) {
    const image = chosen.querySelector("img");
    like = { token: given.value, source: image.src, title: image.alt };
    show();
  }
})();
