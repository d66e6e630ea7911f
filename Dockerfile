# syntax=docker/dockerfile:1
# The image has Node of its own and expects an outside PostgreSQL (DATABASE_URL), so the optional packages
# (Node itself, the embedded PostgreSQL) stay out of it. Mount a folder with drawbridge.yaml and rules/ at
# /etc/drawbridge, and say `server: { listen: 0.0.0.0:8080 }` there: inside, loopback would be the container's own.
#   docker run -v ./config:/etc/drawbridge:ro -e DATABASE_URL=postgres://… -p 127.0.0.1:8080:8080 drawbridge
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The compiler itself comes as an optional package: what the image leaves out goes afterwards.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist ./dist
USER node
ENV DRAWBRIDGE_CONFIG=/etc/drawbridge/drawbridge.yaml
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/drawbridge.js"]
CMD ["serve"]
