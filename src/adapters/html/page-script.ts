/**
 * The page's own script. Everything can be read without it; it opens what a link leads to, filters the events, and
 * computes the hash chain anew from the record that the page carries.
 */
export const PAGE_SCRIPT = `'use strict'
const byId = (id) => document.getElementById(id)
const openTarget = () => {
  const target = location.hash.length > 1 ? byId(location.hash.slice(1)) : null
  const details = target && target.querySelector('details')
  if (details) details.open = true
}
addEventListener('hashchange', openTarget)
openTarget()

const tools = byId('event-tools')
const items = [...document.querySelectorAll('.events > li')]
const filter = byId('event-filter')
const shown = byId('event-shown')
filter.addEventListener('input', () => {
  const wanted = filter.value.trim().toLowerCase()
  let count = 0
  for (const item of items) {
    const head = item.querySelector('summary') || item
    item.hidden = wanted !== '' && !head.textContent.toLowerCase().includes(wanted)
    if (!item.hidden) count += 1
  }
  shown.textContent = wanted === '' ? '' : count + ' of ' + items.length + ' shown'
})
tools.hidden = false

const canonical = (value) => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']'
  return '{' + Object.keys(value).sort().map((key) => JSON.stringify(key) + ':' + canonical(value[key])).join(',') + '}'
}
const sha256 = async (text) => {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
const firstBroken = async (events) => {
  let previous = '0'.repeat(64)
  for (const [index, event] of events.entries()) {
    const { hash, ...open } = event
    if (event.prevhash !== previous) return 'event ' + (index + 1) + ' does not follow from the one before it'
    if ((await sha256(canonical(open))) !== hash) return 'event ' + (index + 1) + ' is not what its hash says'
    previous = hash
  }
  return null
}
const record = byId('record-data')
const button = byId('check-record')
if (record && globalThis.crypto && crypto.subtle) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const events = JSON.parse(record.textContent)
    const broken = await firstBroken(events)
    const result = byId('check-result')
    result.textContent = broken === null ? '✓ ' + events.length + ' events, the chain is whole' : '✗ ' + broken
    result.className = broken === null ? 'good' : 'bad'
  })
}
`
