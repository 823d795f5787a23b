/** Times are printed in the zone of the process; files that tests compare with are in UTC, wherever the tests run. */

process.env.TZ = 'UTC'
