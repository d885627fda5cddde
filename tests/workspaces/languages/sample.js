'use strict';

const http = require('http');
const DEFAULT_PORT = 8080;
let counter = 0;

/**
 * Counts requests by path.
 */
function countRequest(path) {
  counter += 1;
  return path;
}

function* idSequence(start) {
  let id = start;
  while (true) yield id++;
}

const slug = (text) => text.toLowerCase().replace(/\s+/g, '-');

const debounce = (fn, wait) => {
  let timer = null;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), wait);
  };
};

class Router {
  routes = [];

  #middleware = [];

  onError = (error) => {
    console.error(error);
  };

  constructor(options = {}) {
    this.options = options;
  }

  static create() {
    return new Router();
  }

  get size() {
    return this.routes.length;
  }

  add(method, pattern, handler) {
    this.routes.push({ method, pattern, handler });
    return this;
  }

  async dispatch(request, response) {
    const route = this.routes.find((r) => r.pattern === request.url);
    if (!route) {
      response.statusCode = 404;
      return response.end();
    }
    return route.handler(request, response);
  }
}

Router.prototype.remove = function remove(pattern) {
  this.routes = this.routes.filter((r) => r.pattern !== pattern);
};

const app = module.exports = {};

app.listen = function listen(port) {
  return http.createServer(this).listen(port || DEFAULT_PORT);
};

exports.render = (name, options, done) => {
  const view = new View(name);
  view.render(options, done);
};

module.exports.close = function () {
  counter = 0;
};

const handlers = {
  onOpen() {
    return 'open';
  },
  onClose: function () {
    return 'closed';
  },
  'on-data': (data) => {
    return data;
  },
};

export default function main(args) {
  return slug(args.join(' '));
}

export const VERSION = '1.0.0';

export class View extends Base {
  render(options, done) {
    done(null, options);
  }
}
