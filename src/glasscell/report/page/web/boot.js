// Last of all: start; if that fails, show what the page shows without script, and why.
try {
  GC.start();
  setTimeout(GC.rerun.refine, 60);
} catch (error) {
  document.documentElement.classList.remove("script");
  document.documentElement.dataset.error = String(error);
  console.error(error);
}
