// What the training film recorded of the shown layer at the moment that the film view stands at.
(() => {
  const key = (name) => `film/${GC.state.layer}/${name}`;
  const row = (name) => {
    const array = GC.state.film === null ? null : GC.array(key(name));
    return array && array.subarray(GC.state.film * array.shape[1], (GC.state.film + 1) * array.shape[1]);
  };
  const column = (name) => {
    const array = GC.state.film === null ? null : GC.array(key(name));
    return array && Array.from({ length: array.shape[0] }, (_, k) => array[k * array.shape[1] + GC.state.film]);
  };
  /** The gates of film/l/closed and open, in their order. */
  GC.filmGates = () => GC.data.measures.film?.gates?.[GC.state.layer] ?? [];
  /** null at the film's end; else {step, quantiles (5 half-lives), closed, open (of each gate), lags, profile}, each null if it is not there; units: the half-life of each. */
  GC.moment = () => (GC.state.film === null ? null : {
    step: GC.say("film.step", { step: GC.array("film/steps")[GC.state.film] }),
    quantiles: column("half_life"), closed: column("closed"), open: column("open"),
    lags: GC.array(key("lags")), profile: row("profile"), units: row("units_half_life"),
  });
})();
