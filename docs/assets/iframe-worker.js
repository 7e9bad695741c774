// Search in pages opened by double click: browsers refuse workers from files, so a hidden frame does a worker's work.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = this.onerror = null;
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inside = frame.contentWindow;
      this.ready = new Promise((done) => (this.inside.begun = done));
      window.addEventListener("message", (event) => {
        if (event.source !== this.inside) return;
        const told = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(told);
        if (this.onmessage) this.onmessage(told);
      });
      const page = this.inside.document;
      page.open();
      page.write(
        `<script>
          var postMessage = (data) => parent.postMessage(data, "*");
          var load = (url) => new Promise((done, failed) => {
            var script = document.createElement("script");
            script.onload = done; script.onerror = failed; script.src = new URL(url, "${url}").href;
            document.body.appendChild(script);
          });
          var importScripts = (...urls) => urls.reduce((before, url) => before.then(() => load(url)), Promise.resolve());
        </scr` + `ipt><body><script src="${url}" onload="begun()"></scr` + `ipt></body>`
      );
      page.close();
    }
    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data, source: parent })));
    }
    terminate() {}
  };
}
