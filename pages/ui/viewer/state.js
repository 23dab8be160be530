// What the user chose to see. Python gets it back, so that it survives a visit to another page.

const DEFAULT_OPACITY = { prediction: 0.15, reference: 1, uncertainty: 0.65, errors: 0.6, rule: 1 };

function firstView(header) {
  const [, , rows, cols] = header.shape;
  return fitView(header, {
    slice: header.start,
    channel: header.show,
    windows: header.channels.map(() => [0, 1]),
    zoom: 1,
    centre: [cols / 2, rows / 2],
    layers: Object.fromEntries(header.layers.map((layer) => [layer.id, layer.on])),
    opacity: Object.fromEntries(header.layers.map((layer) => [layer.id, DEFAULT_OPACITY[layer.kind]])),
    map: 0,
    focus: header.layers[0]?.id ?? null,
    smooth: true,
    pin: null,
  });
}

// A view that fits the header: unknown layers go, new ones come with their defaults, numbers stay in range.
function fitView(header, wanted, base = wanted) {
  const [, slices, rows, cols] = header.shape;
  const each = (held, start) => Object.fromEntries(header.layers.map((layer) => [layer.id, held?.[layer.id] ?? start(layer)]));
  const windows = header.channels.map((_, i) => wanted.windows?.[i] ?? [0, 1]);
  return {
    ...base,
    ...wanted,
    slice: clamp(Math.round(wanted.slice ?? base.slice), 0, slices - 1),
    channel: clamp(wanted.channel ?? base.channel, header.composite ? -1 : 0, header.channels.length - 1),
    windows,
    zoom: clamp(wanted.zoom ?? base.zoom, 0.5, 32),
    centre: [clamp(wanted.centre?.[0] ?? cols / 2, 0, cols), clamp(wanted.centre?.[1] ?? rows / 2, 0, rows)],
    layers: each(wanted.layers, (layer) => layer.on),
    opacity: each(wanted.opacity, (layer) => DEFAULT_OPACITY[layer.kind]),
    map: clamp(wanted.map ?? base.map, 0, Math.max(0, header.maps.length - 1)),
    focus: header.layers.some((layer) => layer.id === wanted.focus) ? wanted.focus : header.layers[0]?.id ?? null,
  };
}

// Sends `view` to Python once the user has paused, and only when it differs from what was sent last.
function makeReporter(viewer) {
  let timer = 0;
  let sent = "";
  const send = () => {
    const text = JSON.stringify(viewer.view);
    if (text === sent) return;
    sent = text;
    viewer.api.setStateValue("view", JSON.parse(text));
  };
  return {
    later() {
      clearTimeout(timer);
      timer = setTimeout(send, 400);
    },
    known(view) {
      sent = JSON.stringify(view);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
