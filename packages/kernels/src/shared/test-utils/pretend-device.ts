import { Device } from "@dilated/core";

/** A device, known as one by identity, that has these properties in place of what its class has, and no backend. */
export function pretendDevice(properties: object): Device {
  const known = new Device({ lost: new Promise(() => {}) } as never);
  return Object.defineProperties(known, Object.getOwnPropertyDescriptors(properties));
}
