/** Two curves over the number of finished sessions, both axes logarithmic, as one self-contained SVG. */
const WIDTH = 720
const HEIGHT = 400
const LEFT = 80
const RIGHT = 24
const TOP = 48
const BOTTOM = 56

export function curvesSvg({ title, xLabel, yLabel, curves }) {
  const points = curves.flatMap(({ points }) => points)
  const x = scale(
    points.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = scale(
    points.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  )
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" font-weight="600">${title}</text>`,
    ...x.ticks.map(
      (tick) =>
        `<path d="M${x.at(tick)} ${TOP}V${HEIGHT - BOTTOM}" stroke="#e4e4e4"/><text x="${x.at(tick)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${words(tick)}</text>`,
    ),
    ...y.ticks.map(
      (tick) =>
        `<path d="M${LEFT} ${y.at(tick)}H${WIDTH - RIGHT}" stroke="#e4e4e4"/><text x="${LEFT - 8}" y="${y.at(tick) + 4}" text-anchor="end">${words(tick)}</text>`,
    ),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${xLabel}</text>`,
    `<text transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${yLabel}</text>`,
    ...curves.map((curve) => drawn(curve, x, y)),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

function drawn({ name, colour, points }, x, y) {
  const at = points.map(([a, b]) => `${x.at(a)} ${y.at(b)}`)
  const [lastX, lastY] = points.at(-1)
  const dots = points.map(([a, b]) => `<circle cx="${x.at(a)}" cy="${y.at(b)}" r="4" fill="${colour}"/>`).join('')
  const label = `<text x="${x.at(lastX) - 8}" y="${y.at(lastY) - 12}" text-anchor="end" fill="${colour}" font-weight="600">${name}</text>`
  return `<path d="M${at.join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}${label}`
}

/** From the power of ten below the least to the one above the largest. */
function scale(values, from, to) {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
  return { ticks, at: (value) => Math.round(from + ((Math.log10(value) - low) / (high - low)) * (to - from)) }
}

function words(value) {
  return value >= 1 ? value.toLocaleString('en') : String(value)
}
