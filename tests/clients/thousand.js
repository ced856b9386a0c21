// node thousand.js HOST KEY COUNT: as many orders, each with an identify before it every hundredth time.
const { Analytics } = require(`${process.env.NODE_PATH}/@segment/analytics-node`)

const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 400, flushInterval: 100, maxRetries: 20 })
analytics.on('error', (error) => console.error(error.code, error.reason))
const begun = Date.now() - 10_000
for (let number = 0; number < Number(count); number++) {
  const userId = `c${number % 100}`
  const timestamp = new Date(begun + number)
  if (number % 100 === 0) analytics.identify({ userId, traits: { points: number }, timestamp })
  analytics.track({ userId, event: 'order.completed', properties: { number }, timestamp })
}
analytics.closeAndFlush({ timeout: 60_000 }).then((left) => process.exit(left && left.length ? 1 : 0))
