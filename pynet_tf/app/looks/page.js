// A click on the picture goes into the hidden field #point, as "x,y" in 0..1: Gradio's own event of a
// click is forgotten when the one before it is still being answered, and a field keeps the last one.
// A ring shows at once where the click was, until the new picture is there. The hidden field #sharp
// tells which place is sharp, from where arrow keys move on.

(() => {
  // Of the last picture that was loaded: a new one has none for a moment, and the same shape.
  const size = { width: 0, height: 0 };

  document.addEventListener(
    "load",
    (event) => {
      if (!event.target.matches?.("#picture img")) return;
      size.width = event.target.naturalWidth;
      size.height = event.target.naturalHeight;
      const frame = event.target.closest("#picture");
      frame.style.setProperty("--shape", `${size.width} / ${size.height}`);
      frame.querySelectorAll(".clicked").forEach((ring) => ring.remove());
    },
    true,
  );

  // Where the picture is shown within the image, which may be of another shape.
  const shown = (image) => {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / size.width, box.height / size.height);
    const [width, height] = [size.width * scale, size.height * scale];
    const left = box.left + (box.width - width) / 2;
    return { left, top: box.top + (box.height - height) / 2, width, height };
  };

  const place = (image, event) => {
    const { left, top, width, height } = shown(image);
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    return x < 0 || y < 0 || x > 1 || y > 1 ? null : [x, y];
  };

  const mark = (frame, [x, y]) => {
    frame.querySelectorAll(".clicked").forEach((old) => old.remove());
    const ring = document.createElement("div");
    ring.className = "clicked";
    const box = frame.getBoundingClientRect();
    const { left, top, width, height } = shown(frame.querySelector("img") ?? frame);
    ring.style.left = `${left + x * width - box.left}px`;
    ring.style.top = `${top + y * height - box.top}px`;
    frame.append(ring);
    setTimeout(() => ring.remove(), 15000);
  };

  // The picture itself may be taken away between pressing and letting go; what holds it stays.
  const held = (event) => {
    const holder = event.target.closest?.("#picture .image-container > button");
    const frame = holder?.querySelector(".image-frame");
    const point = frame && size.width && place(frame.querySelector("img") ?? frame, event);
    return point ? { frame, point } : null;
  };

  const choose = (point) => {
    const field = document.querySelector("#point textarea, #point input");
    field.value = point.map((value) => value.toFixed(5)).join(",");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("click", (event) => {
    // Enter on the picture is a click without a place.
    const found = event.detail && held(event);
    if (!found) return;
    mark(found.frame, found.point);
    aim = found.point;
    choose(found.point);
  });

  // While the pointer is down, all is dimmed that would not be sharp if it were let go here. The law
  // is that of pynet_tf.lens.focus, the limits are those of pynet_tf.app.views.
  const [SHARP, NOT_SHARP, DARK] = [0.15, 0.4, 0.75];
  const map = { address: "", width: 0, height: 0, depth: [] };

  const load = async () => {
    const address = document.querySelector("#map textarea, #map input")?.value;
    if (!address || address === map.address) return;
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    map.depth = pixels.filter((_, index) => index % 4 === 0);
    Object.assign(map, { address, width: canvas.width, height: canvas.height });
  };

  const dim = (canvas, [x, y]) => {
    const number = (name) => Number(document.querySelector(`${name} input[type=number]`).value);
    const [blur, range] = [number("#blur"), number("#sharp_range")];
    const [behind, before] = [range / 400, (3 * range) / 400];
    const column = Math.min(Math.floor(x * map.width), map.width - 1);
    const row = Math.min(Math.floor(y * map.height), map.height - 1);
    const focus = map.depth[row * map.width + column] / 255;
    const reach = Math.max(focus, 1 - focus) - Math.min(behind, before);
    [canvas.width, canvas.height] = [map.width, map.height];
    const shade = new ImageData(map.width, map.height);
    map.depth.forEach((value, index) => {
      const away = value / 255 - focus;
      const outside = away - Math.min(Math.max(away, -behind), before);
      const radius = (Math.abs(outside) * blur) / reach;
      const share = Math.min(1, (radius - SHARP) / (NOT_SHARP - SHARP));
      // Values below 0 become 0.
      shade.data[4 * index + 3] = 255 * DARK * share;
    });
    canvas.getContext("2d").putImageData(shade, 0, 0);
  };

  let overlay = null;

  const lift = () => {
    overlay?.remove();
    overlay = null;
  };

  const lay = async (frame, point) => {
    lift();
    overlay = document.createElement("canvas");
    overlay.className = "overlay";
    const canvas = overlay;
    await load().catch(() => {});
    // It may have been let go meanwhile.
    if (!map.width || overlay !== canvas) return;
    dim(canvas, point);
    frame.append(canvas);
  };

  document.addEventListener("pointerdown", (event) => {
    const found = event.isPrimary && event.button === 0 && held(event);
    if (found) lay(found.frame, found.point);
  });

  document.addEventListener("pointermove", (event) => {
    const found = overlay?.isConnected && held(event);
    if (found) dim(overlay, found.point);
  });

  for (const kind of ["pointerup", "pointercancel", "blur"]) window.addEventListener(kind, lift);

  // Arrow keys on the picture do what the pointer does: while one is down, all is dimmed that would
  // not be sharp there, and where it is let go is chosen. In parts of the sides, with Shift or not.
  const [SMALL_STEP, STEP] = [0.004, 0.02];
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  // Where the keys have come to, while they are the picture's.
  let aim = null;

  const sharp = () => {
    const told = document.querySelector("#sharp textarea, #sharp input")?.value.split(",").map(Number);
    return told?.length === 2 ? told : [0.5, 0.5];
  };

  document.addEventListener("keydown", (event) => {
    const frame = event.target.closest?.("#picture .image-container > button")?.querySelector(".image-frame");
    const arrow = ARROWS[event.key];
    if (!frame || !arrow || !size.width || event.ctrlKey || event.altKey || event.metaKey) return;
    // Which would move the page.
    event.preventDefault();
    const step = event.shiftKey ? SMALL_STEP : STEP;
    aim = (aim ?? sharp()).map((value, axis) => Math.min(1, Math.max(0, value + step * arrow[axis])));
    mark(frame, aim);
    if (overlay?.isConnected) dim(overlay, aim);
    else lay(frame, aim);
  });

  document.addEventListener("keyup", (event) => {
    if (!aim || !ARROWS[event.key] || !event.target.closest?.("#picture")) return;
    lift();
    choose(aim);
  });

  document.addEventListener("focusout", (event) => {
    if (event.target.closest?.("#picture")) aim = null;
  });

  // Files that the server would refuse are not sent to it: Gradio's own check leaves the place where
  // they were dropped unusable.
  const LARGEST = 100 * 2 ** 20;

  const refuse = (event, files) => {
    const large = [...files].find((file) => file.size > LARGEST);
    if (!large) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    const told = document.createElement("p");
    told.className = "wrong";
    told.setAttribute("role", "status");
    told.textContent = `${large.name} is larger than 100 MB; make it smaller.`;
    document.querySelector("#told .prose")?.replaceChildren(told);
  };

  document.addEventListener(
    "change",
    (event) => {
      if (event.target.matches?.("#drop input, #given input")) refuse(event, event.target.files);
    },
    true,
  );

  document.addEventListener(
    "drop",
    (event) => {
      if (event.target.closest?.("#drop, #given")) refuse(event, event.dataTransfer.files);
    },
    true,
  );

  // What a browser offers to choose from; what is dropped is looked at by the server.
  document.addEventListener(
    "click",
    (event) => {
      const field = event.target.closest?.("#drop, #given")?.querySelector("input[type=file]");
      if (field) field.accept = "image/*,.heic,.heif,.hif,.avif";
    },
    true,
  );
})();
