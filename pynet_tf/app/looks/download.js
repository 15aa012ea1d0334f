(path) => {
  if (!path) return;
  const link = document.createElement("a");
  link.href = "gradio_api/file=" + path.split("/").map(encodeURIComponent).join("/");
  link.download = path.split("/").pop();
  link.click();
}
