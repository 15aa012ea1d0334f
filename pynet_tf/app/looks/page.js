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

  const mark = (image, event) => {
    image.parentElement.querySelectorAll(".clicked").forEach((old) => old.remove());
    const ring = document.createElement("div");
    ring.className = "clicked";
    const frame = image.parentElement.getBoundingClientRect();
    ring.style.left = `${event.clientX - frame.left}px`;
    ring.style.top = `${event.clientY - frame.top}px`;
    image.parentElement.append(ring);
    setTimeout(() => ring.remove(), 15000);
  };

  document.addEventListener("click", (event) => {
    const image = event.target.closest?.("#picture img");
    const field = document.querySelector("#point textarea, #point input");
    const point = image && size.width && place(image, event);
    if (!point || !field) return;
    mark(image, event);
    field.value = point;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
