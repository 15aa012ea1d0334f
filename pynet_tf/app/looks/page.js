// A click on the picture goes into the hidden field #point, as "x,y" in 0..1: Gradio's own event of a
// click is forgotten when the one before it is still being answered, and a field keeps the last one.
// A ring shows at once where the click was, until the new picture is there.

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

  const place = (image, event) => {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / size.width, box.height / size.height);
    const [width, height] = [size.width * scale, size.height * scale];
    const x = (event.clientX - box.left - (box.width - width) / 2) / width;
    const y = (event.clientY - box.top - (box.height - height) / 2) / height;
    return x < 0 || y < 0 || x > 1 || y > 1 ? null : `${x.toFixed(5)},${y.toFixed(5)}`;
  };

  const mark = (frame, event) => {
    frame.querySelectorAll(".clicked").forEach((old) => old.remove());
    const ring = document.createElement("div");
    ring.className = "clicked";
    const box = frame.getBoundingClientRect();
    ring.style.left = `${event.clientX - box.left}px`;
    ring.style.top = `${event.clientY - box.top}px`;
    frame.append(ring);
    setTimeout(() => ring.remove(), 15000);
  };

  document.addEventListener("click", (event) => {
    // The picture itself may be taken away between pressing and letting go; what holds it stays.
    const holder = event.target.closest?.("#picture .image-container > button");
    const frame = holder?.querySelector(".image-frame");
    const field = document.querySelector("#point textarea, #point input");
    const point = frame && size.width && place(frame.querySelector("img") ?? frame, event);
    if (!point || !field) return;
    mark(frame, event);
    field.value = point;
    field.dispatchEvent(new Event("input", { bubbles: true }));
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
