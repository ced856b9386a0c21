// Run inside of a page: what a reader sees of an e-mail, and what is wrong with it.

function texts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (node.data.trim() && !parent.closest("style,title,script") && parent.checkVisibility()) found.push(node);
  }
  return found;
}

function read() {
  const words = texts().map((node) => node.data).join(" ");
  return {
    // Without the letters that only keep a preview apart from the text.
    words: words.replace(/[\u034f\u200b-\u200d\u00ad]/g, "").split(/\s+/).filter(Boolean),
    links: [...document.links].map((link) => link.getAttribute("href")),
  };
}

function strip() {
  document.querySelectorAll("style").forEach((one) => one.remove());
  document.querySelectorAll("[style]").forEach((one) => one.removeAttribute("style"));
}

function look(limits) {
  const root = document.documentElement;
  return {
    ...read(),
    width: Math.max(root.scrollWidth, document.body.scrollWidth),
    lang: root.lang,
    dir: root.dir,
    faults: [
      ...texts().flatMap((node) => faultsOfText(node, limits)),
      ...[...document.links].flatMap((link) => faultsOfLink(link, limits)),
      ...[...document.images].filter((one) => !one.hasAttribute("alt")).map(() => "an image has no alt"),
    ],
  };
}

function faint(limits) {
  return texts().flatMap((node) => faultsOfText(node, { ...limits, text: 0 }));
}

function faultsOfText(node, limits) {
  const style = getComputedStyle(node.parentElement);
  const size = parseFloat(style.fontSize);
  const seen = contrast(over(parsed(style.color), background(node.parentElement)), background(node.parentElement));
  const name = `"${node.data.trim().slice(0, 30)}"`;
  return [
    ...(size < limits.text ? [`${name} is only ${size} pixels high`] : []),
    ...(seen < limits.contrast ? [`${name} has only a contrast of ${seen.toFixed(2)}`] : []),
  ];
}

function faultsOfLink(link, limits) {
  const { width, height } = link.getBoundingClientRect();
  const name = `the link "${link.textContent.trim().slice(0, 30)}"`;
  if (!link.checkVisibility() || !width || !height) return [`${name} is not seen`];
  const inText = link.parentElement.textContent.trim() !== link.textContent.trim();
  return inText || Math.min(width, height) >= limits.target ? [] : [`${name} is only ${height} pixels high`];
}

function parsed(color) {
  const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
  return { red, green, blue, alpha };
}

function over(front, back) {
  const mixed = (name) => front[name] * front.alpha + back[name] * (1 - front.alpha);
  return { red: mixed("red"), green: mixed("green"), blue: mixed("blue"), alpha: 1 };
}

function background(element) {
  const below = element.parentElement ? background(element.parentElement) : parsed("rgb(255, 255, 255)");
  return over(parsed(getComputedStyle(element).backgroundColor), below);
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance({ red, green, blue }) {
  const [r, g, b] = [red, green, blue].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
