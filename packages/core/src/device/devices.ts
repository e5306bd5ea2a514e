/** Every device that was made: how one is known where its class cannot be imported. */
export const devices: WeakSet<object> = new WeakSet();
