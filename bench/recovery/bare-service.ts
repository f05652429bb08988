import { Bus } from '../../src/bus/bus.js';
import { DRIVER } from '../../src/bus/driver.js';
import { METHOD_RETURN } from '../../src/bus/message.js';

/** The least that a service written with Node and src/bus can be: it has a name, and answers every call with nothing. */
const [name = ''] = process.argv.slice(2);
const bus = await Bus.system();
bus.onCall = ({ serial, sender = '' }) => bus.send({ type: METHOD_RETURN, replySerial: serial, destination: sender });
await bus.call({ ...DRIVER, member: 'RequestName', signature: 'su', body: [name, 0] });
await bus.closed;
