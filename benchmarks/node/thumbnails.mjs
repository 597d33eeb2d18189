// Thumbnails with sharp: the same sizes, fit and quality as the worker's; each line on stdin is a request.
import fs from "node:fs";
import readline from "node:readline";
import sharp from "sharp";

// The cache of libvips would make repeated operations free.
sharp.cache(false);

const WHITE = "#ffffff";
const sources = new Map();

const upright = (source) => sharp(source).autoOrient().flatten({ background: WHITE });
const fitted = (image, { width, height }) => image.resize(width, height, { fit: "cover" });
const encoded = (image, { quality }) => image.jpeg({ quality, progressive: true }).toBuffer();

const makers = {
  // As in its documentation: each size has its own pipeline, which decodes the source again.
  async "a pipeline a size"(source, variants) {
    const bodies = [];
    for (const variant of variants) bodies.push(await encoded(fitted(upright(source), variant), variant));
    return bodies;
  },
  // As in the worker: one decode, and each size is scaled from the next larger one.
  async "one decode"(source, variants) {
    const bodies = [];
    let image = upright(source);
    for (const variant of variants) {
      const { data, info } = await fitted(image, variant).raw().toBuffer({ resolveWithObject: true });
      const raw = { width: info.width, height: info.height, channels: info.channels };
      bodies.push(await encoded(sharp(data, { raw }), variant));
      image = sharp(data, { raw });
    }
    return bodies;
  },
};

async function turn({ path, how, threads, variants }) {
  sharp.concurrency(threads);
  if (!sources.has(path)) sources.set(path, fs.readFileSync(path));
  const source = sources.get(path);
  const used = process.cpuUsage();
  const began = process.hrtime.bigint();
  const bodies = await makers[how](source, variants);
  const ms = Number(process.hrtime.bigint() - began) / 1e6;
  const { user, system } = process.cpuUsage(used);
  const made = [];
  for (const body of bodies) {
    const { width, height, format } = await sharp(body).metadata();
    made.push({ width, height, format, bytes: body.length });
  }
  return { ms, "cpu ms": (user + system) / 1e3, made };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await turn(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
