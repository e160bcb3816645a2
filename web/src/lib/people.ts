/** Who did it, as the server names them ("user:li", "token:grafana"), by the name people know. */
export const personOf = (who: string): string => who.replace(/^user:/, '');
