// The page of a gate. What is shown there is sent one after the other, whether a camera, a hand scanner or a person
// enters it. Each scan has a nonce of its own: whatever becomes of the network, one scan admits once.
{
  const form = document.getElementById("scan");
  const result = document.getElementById("result");
  const field = form.elements.code;
  const waiting = []; // what is not answered yet; the first one is on its way
  let isBusy = false;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(field.value.trim());
    field.value = ""; // a hand scanner may type the next one before this one is answered
  });

  function add(code) {
    const isNew = code && !waiting.some((scan) => scan.code === code); // or it is the same scan, tried again
    if (isNew) waiting.push({ code, nonce: newNonce() });
    send();
  }

  function newNonce() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function send() {
    if (isBusy) return;
    isBusy = true;
    result.setAttribute("aria-busy", "true");
    while (waiting.length && (await ask(waiting[0]))) waiting.shift();
    result.removeAttribute("aria-busy");
    isBusy = false;
  }

  // Whether the scan is answered, by whatever answer.
  async function ask(scan) {
    const said = new FormData(form);
    for (const name of ["code", "nonce"]) said.set(name, scan[name]);
    try {
      const answer = await fetch(form.action, {
        method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams(said), signal: AbortSignal.timeout(10000),
      });
      if (answer.status === 429 || answer.status >= 500) throw new Error(answer.statusText);
      const text = await answer.text();
      if (answer.ok && !answer.headers.has("HX-Redirect")) put(text);
      else refuse();
      return true;
    } catch {
      lose();
      return false;
    }
  }

  function put(text) {
    const sheet = document.createElement("template");
    sheet.innerHTML = text;
    for (const part of Array.from(sheet.content.children)) {
      document.getElementById(part.id).replaceChildren(...part.childNodes);
    }
    tell();
  }

  function show(name) {
    result.replaceChildren(document.getElementById(name).content.cloneNode(true));
    tell();
  }

  function refuse() {
    waiting.length = 1; // whoever is logged out, or is not at this gate any more, admits nobody; the first one goes now
    show("gate-refused");
  }

  function lose() {
    show("gate-lost");
    const many = result.querySelector("strong");
    many.textContent = waiting.length;
    many.parentElement.hidden = waiting.length < 2;
    result.querySelector("[data-do=again]").addEventListener("click", () => { field.focus(); send(); });
    result.querySelector("[data-do=leave]").addEventListener("click", () => { waiting.length = 0; show("gate-ready"); field.focus(); });
  }
  addEventListener("online", () => { if (waiting.length) send(); });

  // Whatever is pressed, a hand scanner types into the field.
  document.addEventListener("keydown", (event) => {
    const isText = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isText && !event.target.closest("input, select, textarea")) field.focus();
  });

  // Sound, of which browsers want to be told by a press first, and a shake.
  const soundButton = document.getElementById("use-sound");
  let audio = null;
  let isLoud = localStorage.getItem("gate-sound") === "on";

  function tell() {
    const tone = result.firstElementChild?.dataset.tone;
    if (!tone || !(navigator.userActivation?.hasBeenActive ?? true)) return;
    navigator.vibrate?.(tone === "good" ? 80 : [200, 100, 200]);
    if (isLoud) play(tone === "good" ? [[880, 0, 0.15]] : [[220, 0, 0.2], [165, 0.25, 0.35]]);
  }

  function play(notes) {
    audio ??= new AudioContext();
    audio.resume();
    for (const [pitch, begins, lasts] of notes) {
      const voice = audio.createOscillator();
      const loudness = audio.createGain();
      voice.type = "square";
      voice.frequency.value = pitch;
      loudness.gain.value = 0.2;
      voice.connect(loudness).connect(audio.destination);
      voice.start(audio.currentTime + begins);
      voice.stop(audio.currentTime + begins + lasts);
    }
  }

  const showSound = () => soundButton.setAttribute("aria-pressed", String(isLoud));
  soundButton.addEventListener("click", () => {
    isLoud = !isLoud;
    localStorage.setItem("gate-sound", isLoud ? "on" : "off");
    showSound();
    if (isLoud) play([[880, 0, 0.15]]);
    field.focus();
  });
  showSound();
  soundButton.hidden = false;

  // The camera goes on reading. A code that stays in the picture is one scan; it is another one when it was away.
  const AWAY = 1500; // ms; shorter gaps are only a reader that did not make it out
  const cameraButton = document.getElementById("use-camera");
  const video = document.getElementById("camera");
  const lastSeen = new Map();
  let reader = null;

  function see({ data }) {
    const now = performance.now();
    const isStillThere = now - (lastSeen.get(data) ?? -AWAY) < AWAY;
    for (const [code, at] of lastSeen) if (now - at >= AWAY) lastSeen.delete(code);
    lastSeen.set(data, now);
    if (!isStillThere) add(data);
  }

  async function start() {
    const { default: Reader } = await import(document.getElementById("gate").dataset.scanner);
    const settings = { returnDetailedScanResult: true, preferredCamera: "environment", maxScansPerSecond: 8, onDecodeError() {} };
    reader ??= new Reader(video, see, settings);
    await reader.start();
  }

  cameraButton.addEventListener("click", async () => {
    const isOn = cameraButton.getAttribute("aria-pressed") === "true";
    cameraButton.setAttribute("aria-pressed", String(!isOn));
    video.hidden = isOn;
    if (isOn) return reader?.stop();
    try {
      await start();
    } catch {
      cameraButton.setAttribute("aria-pressed", "false");
      video.hidden = true;
      show("gate-blind");
    }
  });
  cameraButton.hidden = !navigator.mediaDevices?.getUserMedia;
}
