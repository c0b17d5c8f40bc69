// Small helpers over the document. Text goes in as text: nothing here takes markup.

// byId returns an element that the page has.
export function byId(id) {
  return document.getElementById(id);
}

// make returns a new element with a class and children, which may be texts.
export function make(tag, className = '', ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

// setText writes only what changes, so that a selection or a screen reader is not disturbed.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// setData does the same for a data attribute.
export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

// eachFrame returns a function that has draw called once before the next frame, however often it is called.
export function eachFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

// settled returns a function that has work done soon after a call, once for many calls, and never twice at a time.
export function settled(work, delay) {
  let timer = 0, running = false, again = false;
  const run = async () => {
    timer = 0;
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await work();
    } finally {
      running = false;
      if (again) {
        again = false;
        timer = setTimeout(run, delay);
      }
    }
  };
  return () => {
    if (!timer) timer = setTimeout(run, delay);
  };
}

// words writes a name of the interface as people read it: "post_only" is "Post only".
export function words(name) {
  const s = name.replace(/_/g, ' ');
  return s.charAt(0).toUpperCase() + s.slice(1);
}
