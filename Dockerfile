# Build with the development dependencies, then keep only what a running gateway needs.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY bin ./bin
COPY src ./src
COPY providers ./providers
COPY test ./test
COPY bench ./bench
COPY web ./web
RUN npm run build && rm -rf dist/test dist/bench
RUN npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production TOLLGATE_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json config.yaml config.schema.json ./
COPY bin ./bin
COPY src/limits/lua ./src/limits/lua
COPY migrations ./migrations
COPY models ./models
RUN mkdir -p data && chown node:node data
USER node
VOLUME /app/data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "bin/healthcheck.js"]
CMD ["node", "--max-semi-space-size=64", "--initial-heap-size=256", "bin/tollgate.js", "serve"]
