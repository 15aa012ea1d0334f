(address) => {
  if (!address) return;
  const link = document.createElement("a");
  link.href = address;
  link.download = decodeURIComponent(address.split("/").pop());
  link.click();
}
